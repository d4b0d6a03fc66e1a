"""The sandbox's AWS: ministack behind a gateway that corrects what the program, the autoscaler and the doctor need.

``python -m sandbox.aws --port P --state DIR`` runs it. The parts, in the order in which a request meets them:

- :mod:`sandbox.aws.server`: one process, one loopback port;
- :mod:`sandbox.aws.gateway`: one request at a time, state saved after each change, faults on demand;
- :mod:`sandbox.aws.private_api`: what the other processes of the sandbox ask of it (``/_sandbox/...``);
- ministack itself, with :mod:`sandbox.aws.hooks` in place, each a small module for one concern.
"""
