"""Files in, Documents out: every readable file of a folder as Markdown, every other one reported by name."""
