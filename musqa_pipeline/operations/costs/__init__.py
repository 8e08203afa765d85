"""What every run of a stage cost: time, bytes, machine and versions, kept and plotted over runs."""
