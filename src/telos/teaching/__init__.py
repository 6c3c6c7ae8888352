"""What people add to a trained agent: names for quantities, rules it must keep, and their taste."""
