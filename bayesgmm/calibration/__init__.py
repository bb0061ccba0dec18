"""Is the posterior of such data calibrated? Data simulated from a fit, fitted again together with its own."""

from bayesgmm.calibration.check import check_calibration
from bayesgmm.calibration.result import CalibrationCheck

__all__ = ["CalibrationCheck", "check_calibration"]
