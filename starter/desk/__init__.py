"""What the desk's commands share: the open books, names for the screen, tables that fit it."""
