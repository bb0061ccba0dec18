"""The grid behind reports/calibration.md: kinds of data, what is measured of one fit, and the page."""
