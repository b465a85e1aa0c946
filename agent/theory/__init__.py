"""The theory as something to run: a catalogue of properties, and experiments. Importing this loads nothing."""
