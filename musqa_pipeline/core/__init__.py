"""What everybody has need of: settings, errors, files, workers; it imports none of the others."""
