"""One folder per published figure; not shipped."""
