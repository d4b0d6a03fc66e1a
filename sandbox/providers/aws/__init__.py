"""A stand-in for the official `aws` provider: the resource types that the program uses, over boto3.

It works on whatever cloud the standard AWS environment points at. From the engine's call to the cloud's answer:

- :mod:`sandbox.providers.rpc`: the protocol, shared with the other stand-ins;
- :mod:`sandbox.providers.aws.provider`: routes a call to its resource type or function;
- ``checks``, ``comparison``, ``states``, ``tags``: what is decided without the cloud, from what a
  :mod:`resource type <sandbox.providers.aws.resource>` declares and the SDK's schema defines;
- ``iam``, ``eks``, ``ec2``, ``autoscaling``, ``ssm``, ``identity``: the resource types and functions, by service.

To add a resource type, write a class in the module of its service and put it into that module's ``RESOURCES``. Its
declarations follow the schema of the Terraform resource behind the official type: ForceNew is ``replaces``, Optional
and Computed together are ``computed``.
"""
