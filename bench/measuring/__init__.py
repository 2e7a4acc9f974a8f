"""What every benchmark needs: the ground it stands on, events to send, a load, and a way to report."""
