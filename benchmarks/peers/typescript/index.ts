// The flat program in TypeScript: the resources of the development environment, written down one by one.
// Registers what ../../programs/flat registers, input by input; the benchmark refuses to compare otherwise.
import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const clusterName = config.require("cluster");
const chart = config.require("chart");
const region = "us-east-1";
const prefix = "k8s.io/cluster-autoscaler";
const everything = { environment: "dev", owner: "platform" };

const provider = new aws.Provider("aws", {
    region,
    defaultTags: { tags: everything },
});
const cluster = aws.eks.getClusterOutput({ name: clusterName }, { provider });
const issuer = cluster.identities.apply((identities) => identities[0].oidcs[0].issuer);

function document(...statements: object[]): string {
    return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

interface Wished {
    name: string;
    desired: number;
    maximum: number;
    instanceTypes: string[];
    capacityType: string;
    taints: { key: string; value: string; effect: string }[];
    tags: Record<string, string>;
}

function nodeGroup(wished: Wished): aws.eks.NodeGroup {
    const { name } = wished;
    const role = new aws.iam.Role(`${name}-node`, {
        description: `Nodes of the managed node group ${name}`,
        assumeRolePolicy: document({
            Effect: "Allow",
            Principal: { Service: "ec2.amazonaws.com" },
            Action: "sts:AssumeRole",
        }),
        tags: everything,
    }, { provider });
    const policies = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"];
    const attachments = policies.map((policy) => new aws.iam.RolePolicyAttachment(`${name}-node-${policy}`, {
        role: role.name,
        policyArn: role.arn.apply((arn) => `arn:${arn.split(":")[1]}:iam::aws:policy/${policy}`),
    }, { provider }));
    const template = new aws.ec2.LaunchTemplate(name, {
        description: `Nodes of the managed node group ${name}`,
        metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
        blockDeviceMappings: [{
            deviceName: "/dev/xvda",
            ebs: { volumeType: "gp3", volumeSize: 50, encrypted: "true", deleteOnTermination: "true" },
        }],
        tagSpecifications: ["instance", "volume"].map((resourceType) => ({
            resourceType,
            tags: { Name: name, ...everything },
        })),
        tags: everything,
    }, { provider });
    const group = new aws.eks.NodeGroup(name, {
        clusterName: cluster.name,
        nodeRoleArn: role.arn,
        subnetIds: cluster.vpcConfig.apply((network) => network.subnetIds),
        version: cluster.version,
        amiType: "AL2023_x86_64_STANDARD",
        capacityType: wished.capacityType,
        instanceTypes: wished.instanceTypes,
        labels: { workload: name },
        taints: wished.taints,
        scalingConfig: { minSize: wished.desired, maxSize: wished.maximum, desiredSize: wished.desired },
        launchTemplate: { id: template.id, version: template.latestVersion.apply((version) => `${version}`) },
        tags: everything,
    }, { provider, dependsOn: attachments, ignoreChanges: ["scalingConfig.desiredSize"] });
    const autoscalingGroupName = group.resources.apply((resources) => resources[0].autoscalingGroups[0].name);
    const tag = (suffix: string, key: string, value: string) => new aws.autoscaling.Tag(`${name}-${suffix}`, {
        autoscalingGroupName,
        tag: { key, value, propagateAtLaunch: false },
    }, { provider });
    tag("enabled", `${prefix}/enabled`, "true");
    tag("cluster", `${prefix}/${clusterName}`, "owned");
    const announced = { "label/workload": name, "resources/ephemeral-storage": "50Gi", ...wished.tags };
    Object.entries(announced).forEach(([key, value]) => tag(key, `${prefix}/node-template/${key}`, value));
    return group;
}

const groups = [
    nodeGroup({
        name: "general",
        desired: 2,
        maximum: 6,
        instanceTypes: ["m6i.large", "m5.large"],
        capacityType: "ON_DEMAND",
        taints: [],
        tags: {},
    }),
    nodeGroup({
        name: "batch",
        desired: 0,
        maximum: 10,
        instanceTypes: ["m6i.xlarge", "m5.xlarge", "m5a.xlarge"],
        capacityType: "SPOT",
        taints: [{ key: "workload", value: "batch", effect: "NO_SCHEDULE" }],
        tags: { "taint/workload": "batch:NoSchedule", "autoscaling-options/scaledownunneededtime": "1m" },
    }),
];

const oidcProvider = new aws.iam.OpenIdConnectProvider("oidc-provider", {
    url: issuer,
    clientIdLists: ["sts.amazonaws.com"],
}, { provider });

function policyDocument(arn: string): string {
    const [, partition, , , account] = arn.split(":");
    const where = `${region}:${account}`;
    return document(
        {
            Sid: "Read",
            Effect: "Allow",
            Action: [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            Resource: "*",
        },
        {
            Sid: "ReadNodegroups",
            Effect: "Allow",
            Action: "eks:DescribeNodegroup",
            Resource: `arn:${partition}:eks:${where}:nodegroup/${clusterName}/*/*`,
        },
        {
            Sid: "Scale",
            Effect: "Allow",
            Action: ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            Resource: `arn:${partition}:autoscaling:${where}:autoScalingGroup:*:autoScalingGroupName/*`,
            Condition: { StringEquals: { [`aws:ResourceTag/${prefix}/${clusterName}`]: "owned" } },
        },
    );
}

function trustDocument(providerArn: string, url: string): string {
    const path = url.replace("https://", "");
    return document({
        Effect: "Allow",
        Principal: { Federated: providerArn },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
            StringEquals: {
                [`${path}:aud`]: "sts.amazonaws.com",
                [`${path}:sub`]: "system:serviceaccount:kube-system:cluster-autoscaler",
            },
        },
    });
}

const policy = new aws.iam.Policy("cluster-autoscaler", {
    name: `AmazonEKSClusterAutoscalerPolicy-${clusterName}-${region}`,
    description: "What Kubernetes Cluster Autoscaler calls, on the groups of one cluster",
    policy: cluster.arn.apply(policyDocument),
}, { provider });
const role = new aws.iam.Role("cluster-autoscaler", {
    description: "Kubernetes Cluster Autoscaler",
    assumeRolePolicy: pulumi.all([oidcProvider.arn, issuer]).apply(([arn, url]) => trustDocument(arn, url)),
}, { provider });
const attachment = new aws.iam.RolePolicyAttachment("cluster-autoscaler", {
    role: role.name,
    policyArn: policy.arn,
}, { provider });

function kubeconfig(name: string, server: string, authority: string): string {
    return JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name, cluster: { server, "certificate-authority-data": authority } }],
        contexts: [{ name, context: { cluster: name, user: name } }],
        "current-context": name,
        users: [{
            name,
            user: {
                exec: {
                    apiVersion: "client.authentication.k8s.io/v1beta1",
                    command: "aws",
                    args: ["eks", "get-token", "--cluster-name", name, "--region", region, "--output", "json"],
                    interactiveMode: "Never",
                },
            },
        }],
    });
}

const onCluster = new kubernetes.Provider("kubernetes", {
    kubeconfig: pulumi
        .all([cluster.name, cluster.endpoint, cluster.certificateAuthorities])
        .apply(([name, endpoint, authorities]) => kubeconfig(name, endpoint, authorities[0].data)),
});

const app = { app: "cluster-autoscaler" };

function spread(topologyKey: string): object {
    return { maxSkew: 1, topologyKey, whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: app } };
}

new kubernetes.helm.v3.Release("cluster-autoscaler", {
    name: "cluster-autoscaler",
    namespace: "kube-system",
    chart,
    atomic: true,
    cleanupOnFail: true,
    timeout: 300,
    values: {
        cloudProvider: "aws",
        awsRegion: region,
        autoDiscovery: { clusterName: cluster.name, tags: [`${prefix}/enabled`, `${prefix}/${clusterName}`] },
        fullnameOverride: "cluster-autoscaler",
        rbac: {
            create: true,
            serviceAccount: {
                create: true,
                name: "cluster-autoscaler",
                annotations: { "eks.amazonaws.com/role-arn": role.arn },
            },
        },
        image: {
            repository: "registry.k8s.io/autoscaling/cluster-autoscaler",
            tag: cluster.version.apply((version) => ({ "1.36": "v1.36.1" })[version]),
        },
        extraArgs: {
            "balance-similar-node-groups": "true",
            "balancing-ignore-label_1": "eks.amazonaws.com/sourceLaunchTemplateId",
            "balancing-ignore-label_2": "eks.amazonaws.com/sourceLaunchTemplateVersion",
            "balancing-ignore-label_3": "nodegroup-name",
            expander: "least-waste",
            "max-node-provision-time": "10m",
            "scale-down-delay-after-add": "1m",
            "scale-down-unneeded-time": "2m",
            "skip-nodes-with-system-pods": "false",
        },
        replicaCount: 2,
        podDisruptionBudget: { maxUnavailable: 1 },
        priorityClassName: "system-cluster-critical",
        podLabels: app,
        podAnnotations: {
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "eks-cluster-autoscaler/credentials": role.arn,
        },
        resources: { requests: { cpu: "100m", memory: "600Mi" }, limits: { memory: "600Mi" } },
        nodeSelector: {},
        tolerations: [],
        topologySpreadConstraints: [spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname")],
    },
}, {
    provider: onCluster,
    dependsOn: [...groups, attachment],
    deleteBeforeReplace: true,
    customTimeouts: { create: "300s", update: "300s", delete: "300s" },
});

export const roleArn = role.arn;
