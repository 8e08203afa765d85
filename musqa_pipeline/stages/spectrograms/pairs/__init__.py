"""The stage `pairs`: images of reference and degraded signal, for intrusive networks."""
