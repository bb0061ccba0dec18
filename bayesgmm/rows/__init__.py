"""What a user handed in: checks, reading files, the data sets that come with the package."""
