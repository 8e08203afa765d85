"""Music that our composer wrote, played by sampled instruments and recorded as records are."""
