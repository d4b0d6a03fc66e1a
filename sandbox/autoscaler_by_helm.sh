# Install Cluster Autoscaler on the cluster `legacy` as a team without Pulumi does: an OIDC provider, a policy and a role
# with `aws`, a service account as `eksctl create iamserviceaccount` leaves it, and the release with Helm.
set -eu
if helm --namespace kube-system status cluster-autoscaler >/dev/null 2>&1; then
  echo "The release cluster-autoscaler is installed already."
  exit
fi
issuer=$(aws eks describe-cluster --name legacy --query cluster.identity.oidc.issuer --output text)
account=$(aws sts get-caller-identity --query Account --output text)
path=${issuer#https://}
aws iam list-open-id-connect-providers --output text | grep --quiet "$path" ||
  aws iam create-open-id-connect-provider --url "$issuer" --client-id-list sts.amazonaws.com
policy=$(aws iam create-policy --policy-name AmazonEKSClusterAutoscalerPolicy --query Policy.Arn --output text \
  --policy-document '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
    "autoscaling:Describe*", "ec2:Describe*", "ec2:GetInstanceTypesFromInstanceRequirements", "eks:Describe*",
    "autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]}]}')
role=$(aws iam create-role --role-name AmazonEKSClusterAutoscalerRole --query Role.Arn --output text \
  --assume-role-policy-document '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::'"$account:oidc-provider/$path"'"},
    "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {
    "'"$path"':sub": "system:serviceaccount:kube-system:cluster-autoscaler", "'"$path"':aud": "sts.amazonaws.com"}}}]}')
aws iam attach-role-policy --role-name AmazonEKSClusterAutoscalerRole --policy-arn "$policy"
kubectl apply --filename - <<END
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cluster-autoscaler
  namespace: kube-system
  labels: {app.kubernetes.io/managed-by: eksctl, team: platform}
  annotations: {eks.amazonaws.com/role-arn: "$role", example.com/owner: platform}
END
helm install cluster-autoscaler sandbox/chart/cluster-autoscaler --namespace kube-system --wait \
  --set autoDiscovery.clusterName=legacy --set awsRegion=us-east-1 --set image.tag=v1.36.0 \
  --set fullnameOverride=cluster-autoscaler \
  --set rbac.serviceAccount.create=false --set rbac.serviceAccount.name=cluster-autoscaler
