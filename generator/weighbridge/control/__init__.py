"""The kill switch: orders are taken, logged, turned into live bundles, and brought to every enforcement point."""
