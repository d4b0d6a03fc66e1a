// The same job with EKS Blueprints: a network, a cluster, a managed node group and Cluster Autoscaler on it.
import { App } from "aws-cdk-lib";
import { InstanceType } from "aws-cdk-lib/aws-ec2";
import { KubernetesVersion } from "aws-cdk-lib/aws-eks";
import { ClusterAutoScalerAddOn, EksBlueprint, MngClusterProvider } from "@aws-quickstart/eks-blueprints";

EksBlueprint.builder()
    .version(KubernetesVersion.V1_34)
    .clusterProvider(
        new MngClusterProvider({ instanceTypes: [new InstanceType("t3.medium")], minSize: 2, desiredSize: 2, maxSize: 4 }),
    )
    .addOns(new ClusterAutoScalerAddOn())
    .build(new App(), "peer");
