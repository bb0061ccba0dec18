"""What a mixture is: parameters, draws, covariance families, coordinates, kernels and densities."""
