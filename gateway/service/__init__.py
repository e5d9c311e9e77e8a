"""The service: one worker per device, a router thread, a schedule, and the root that starts and stops them."""
