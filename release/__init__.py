"""What a release is made of: the image, the chart, the wheel, what is in the image, and checksums over all of them.

`make package` runs `python -m release package`; `make generate` and `make lint` run `python -m release versions`.
"""
