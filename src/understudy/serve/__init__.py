"""A run in, an HTTP server out: OpenAI's API with citations, and a web page.

`app.create_app` is the whole application; `served` names the arms of a run as models; `engine` lets many requests
share one model; one file an endpoint.
"""
