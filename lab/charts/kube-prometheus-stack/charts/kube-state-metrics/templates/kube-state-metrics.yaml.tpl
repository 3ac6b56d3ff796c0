---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "kube-state-metrics.metadata" . | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "kube-state-metrics.metadata" . | nindent 2 }}
rules:
  - apiGroups: ["", apps, batch, autoscaling, policy, certificates.k8s.io, storage.k8s.io, coordination.k8s.io, networking.k8s.io, admissionregistration.k8s.io]
    resources: ["*"]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "kube-state-metrics.metadata" . | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ .Release.Name }}-kube-state-metrics
subjects:
  - kind: ServiceAccount
    name: {{ .Release.Name }}-kube-state-metrics
    namespace: {{ .Release.Namespace }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "kube-state-metrics.metadata" . | nindent 2 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "kube-state-metrics.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "kube-state-metrics.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ .Release.Name }}-kube-state-metrics
      securityContext:
        runAsUser: 65534
        runAsGroup: 65534
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: kube-state-metrics
          image: {{ .Values.image }}
          args: [--port=8080]
          ports:
            - {name: http, containerPort: 8080}
          readinessProbe:
            httpGet: {path: /readyz, port: 8081}
            periodSeconds: 2
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
---
apiVersion: v1
kind: Service
metadata:
  {{- include "kube-state-metrics.metadata" . | nindent 2 }}
spec:
  ports:
    - {name: http, port: 8080, targetPort: http}
  selector:
    {{- include "kube-state-metrics.selector" . | nindent 4 }}
{{- if .Values.prometheus.monitor.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "kube-state-metrics.metadata" . | nindent 2 }}
spec:
  jobLabel: app.kubernetes.io/name
  endpoints:
    - port: http
      honorLabels: true
  selector:
    matchLabels:
      {{- include "kube-state-metrics.selector" . | nindent 6 }}
{{- end }}
