"""What every room shares: contracts, the values that travel between them, spaces, errors, seeds and configs."""
