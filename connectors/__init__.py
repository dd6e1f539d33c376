"""One vendor per file behind `ports.py`; nothing above sees a vendor's SDK."""
