"""Metrics that were made for photographs, on mel images of music (paper 003): MS-SSIM and NLPD."""
