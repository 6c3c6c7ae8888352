"""Critics of time: how many steps lie between two states."""
