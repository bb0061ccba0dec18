"""Methods that draw from a posterior."""
