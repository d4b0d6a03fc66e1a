{{- /* The name that labels and the container carry. */ -}}
{{- define "standin.name" -}}
aws-cluster-autoscaler
{{- end }}

{{- /* The name of every object of the release. */ -}}
{{- define "standin.fullname" -}}
{{- $name := include "standin.name" . -}}
{{- .Values.fullnameOverride | default (eq $name .Release.Name | ternary $name (printf "%s-%s" .Release.Name $name)) | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The service account that the Deployment names; with rbac.create false the chart does not make it, as in the public chart. */ -}}
{{- define "standin.serviceAccountName" -}}
{{- .Values.rbac.serviceAccount.name | default (.Values.rbac.serviceAccount.create | ternary (include "standin.fullname" .) "default") -}}
{{- end }}

{{- define "standin.selectorLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/name: {{ include "standin.name" . | quote }}
{{- end }}

{{- /* Labels of the pod and, for better or worse, of the Deployment's immutable selector. */ -}}
{{- define "standin.podLabels" -}}
{{ include "standin.selectorLabels" . }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "standin.labels" -}}
{{ include "standin.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Not empty when the priority expander is asked for. A space after the comma hides it, as in the public chart. */ -}}
{{- define "standin.priorityExpander" -}}
{{- if has "priority" (splitList "," (toString .Values.extraArgs.expander)) }}true{{ end -}}
{{- end }}
