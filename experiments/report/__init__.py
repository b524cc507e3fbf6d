"""Reports: pages in four languages as tagged PDF."""
