"""World models of world models, each with a slower clock."""
