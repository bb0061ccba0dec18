"""Simulation-based calibration of the whole chain: simulate from the prior, fit, rank truths among draws."""
