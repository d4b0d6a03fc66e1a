"""Doctor: checks on a live cluster every link from the autoscaler's pod to its nodes, and shows how to fix it.

Data flows one way: ``target`` (what is asked about) -> ``clients`` (read-only AWS and Kubernetes) -> ``gather`` (one
snapshot of facts) -> ``checks`` (pure functions, one module per link) -> ``rendering``. ``bundle`` keeps the facts in a
file, from which ``checks`` and ``explain`` work as on a live cluster. Nothing here changes anything.
"""
