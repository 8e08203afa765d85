"""What is measured of a recording: bandwidth, loudness, peaks, fingerprint."""
