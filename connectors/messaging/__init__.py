"""Providers that carry our messages: text and e-mail."""
