"""What limits a device, a backend or a sender: rates, quotas, hours, pauses, recipients. Pure; time is an argument."""

from gateway.limits.hours import DAYS, Hours, ShutWatch, opening
from gateway.limits.limiter import Limiter, Obstacle, Standing
from gateway.limits.recipients import Recipients
from gateway.limits.windows import PERIODS, Rate, Window

__all__ = [
    "DAYS",
    "PERIODS",
    "Hours",
    "Limiter",
    "Obstacle",
    "Rate",
    "Recipients",
    "ShutWatch",
    "Standing",
    "Window",
    "opening",
]
