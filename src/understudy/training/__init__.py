"""What every training does: checkpoints that resume exactly, a log, a check of the loss, the best weights kept."""
