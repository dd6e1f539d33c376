"""The full-screen queue of `tieout review`: plain classes hold state and rules, Textual draws."""
