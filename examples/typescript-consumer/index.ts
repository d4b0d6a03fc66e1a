// One more node group on an existing cluster. The SDK is written by `pulumi package add ../../components`.
import * as aws from "@pulumi/aws";
import * as autoscaler from "@pulumi/eks-cluster-autoscaler";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const provider = new aws.Provider("aws", { region: config.require("region") as aws.Region });

const extra = new autoscaler.ManagedNodeGroup(
    "extra",
    {
        clusterName: config.require("clusterName"),
        subnetIds: config.requireObject<string[]>("subnetIds"),
        minSize: 0,
        maxSize: 3,
        instanceTypes: ["m6i.large"],
        labels: { workload: "extra" },
        taints: [{ key: "dedicated", value: "extra", effect: "NoSchedule" }],
    },
    { providers: [provider] },
);

export const asgNames = extra.asgNames;
export const tags = extra.tags;
