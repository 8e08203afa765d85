"""Stage 1: scan, decode-check, fingerprint and measure source recordings."""
