{{- if .Values.prometheus.enabled }}
{{- $spec := .Values.prometheus.prometheusSpec }}
{{- $computed := list "storageSpec" "additionalScrapeConfigs" "serviceMonitorSelectorNilUsesHelmValues" "ruleSelectorNilUsesHelmValues" "thanos" "remoteWrite" "secrets" "externalLabels" }}
---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata:
  {{- include "stack.metadata" (list . "prometheus") | nindent 2 }}
spec:
  serviceAccountName: {{ include "stack.fullname" . }}-prometheus
  portName: http-web
  shards: 1
  listenLocal: false
  routePrefix: /
  externalUrl: http://{{ include "stack.fullname" . }}-prometheus.{{ .Release.Namespace }}:9090
  serviceMonitorNamespaceSelector: {}
  serviceMonitorSelector: {{ include "stack.selector" (list . $spec.serviceMonitorSelectorNilUsesHelmValues) }}
  podMonitorNamespaceSelector: {}
  podMonitorSelector: {{ include "stack.selector" (list . $spec.serviceMonitorSelectorNilUsesHelmValues) }}
  ruleNamespaceSelector: {}
  ruleSelector: {{ include "stack.selector" (list . $spec.ruleSelectorNilUsesHelmValues) }}
  {{- if .Values.alertmanager.enabled }}
  alerting:
    alertmanagers:
      - namespace: {{ .Release.Namespace }}
        name: {{ include "stack.fullname" . }}-alertmanager
        port: http-web
        pathPrefix: /
        apiVersion: v2
  {{- end }}
  {{- with $spec.storageSpec }}
  storage:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $spec.additionalScrapeConfigs }}
  additionalScrapeConfigs:
    name: {{ include "stack.fullname" . }}-prometheus-scrape-confg
    key: additional-scrape-configs.yaml
  {{- end }}
  {{- range $key := list "externalLabels" "remoteWrite" "secrets" }}
  {{- with index $spec $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with $spec.thanos }}
  thanos:
    {{- toYaml (omit . "objectStorageConfig") | nindent 4 }}
    {{- with .objectStorageConfig }}
    objectStorageConfig:
      {{- toYaml .existingSecret | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- range $key, $value := $spec }}
  {{- if not (has $key $computed) }}
  {{ $key }}: {{ $value | toJson }}
  {{- end }}
  {{- end }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "stack.metadata" (list . "prometheus") | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "stack.metadata" (list . "prometheus") | nindent 2 }}
rules:
  - apiGroups: [""]
    resources: [nodes, nodes/metrics, services, endpoints, pods]
    verbs: [get, list, watch]
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [get, list, watch]
  - nonResourceURLs: [/metrics, /metrics/cadvisor]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "stack.metadata" (list . "prometheus") | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "stack.fullname" . }}-prometheus
subjects:
  - kind: ServiceAccount
    name: {{ include "stack.fullname" . }}-prometheus
    namespace: {{ .Release.Namespace }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "stack.metadata" (list . "prometheus") | nindent 2 }}
    self-monitor: "{{ .Values.prometheus.serviceMonitor.selfMonitor }}"
spec:
  ports:
    - {name: http-web, port: 9090, targetPort: 9090}
    - {name: reloader-web, port: 8080, targetPort: reloader-web}
  selector:
    app.kubernetes.io/name: prometheus
    operator.prometheus.io/name: {{ include "stack.fullname" . }}-prometheus
{{- if .Values.prometheus.serviceMonitor.selfMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "stack.metadata" (list . "prometheus") | nindent 2 }}
spec:
  endpoints:
    - port: http-web
      path: /metrics
    - port: reloader-web
      path: /metrics
  selector:
    matchLabels:
      app: {{ include "stack.name" . }}-prometheus
      release: {{ .Release.Name | quote }}
      self-monitor: "true"
  namespaceSelector:
    matchNames: [{{ .Release.Namespace }}]
{{- end }}
{{- if $spec.additionalScrapeConfigs }}
---
apiVersion: v1
kind: Secret
metadata:
  {{- include "stack.metadata" (list . "prometheus-scrape-confg") | nindent 2 }}
data:
  additional-scrape-configs.yaml: {{ toYaml $spec.additionalScrapeConfigs | b64enc }}
{{- end }}
{{- end }}
