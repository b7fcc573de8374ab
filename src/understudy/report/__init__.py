"""Manifests and results in, one page that a person understands out.

`understudy.report.build.build` writes report.html and report.json; nothing is imported here, so that the
command line stays light.
"""
