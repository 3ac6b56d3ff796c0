{{- if .Values.prometheusOperator.enabled }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "stack.metadata" (list . "operator") | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "stack.metadata" (list . "operator") | nindent 2 }}
rules:
  - apiGroups: [monitoring.coreos.com]
    resources: ["*"]
    verbs: ["*"]
  - apiGroups: [apps]
    resources: [statefulsets, daemonsets]
    verbs: ["*"]
  - apiGroups: [""]
    resources: [configmaps, secrets]
    verbs: ["*"]
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, delete]
  - apiGroups: [""]
    resources: [services, services/finalizers, endpoints]
    verbs: [get, list, watch, create, update, delete, patch]
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [get, list, watch, create, update, delete]
  - apiGroups: [""]
    resources: [nodes, namespaces]
    verbs: [get, list, watch]
  - apiGroups: ["", events.k8s.io]
    resources: [events]
    verbs: [create, patch]
  - apiGroups: [networking.k8s.io]
    resources: [ingresses]
    verbs: [get, list, watch]
  - apiGroups: [storage.k8s.io]
    resources: [storageclasses]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "stack.metadata" (list . "operator") | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "stack.fullname" . }}-operator
subjects:
  - kind: ServiceAccount
    name: {{ include "stack.fullname" . }}-operator
    namespace: {{ .Release.Namespace }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "stack.metadata" (list . "operator") | nindent 2 }}
spec:
  replicas: 1
  selector:
    matchLabels:
      app: {{ include "stack.name" . }}-operator
      release: {{ .Release.Name | quote }}
  template:
    metadata:
      labels:
        app: {{ include "stack.name" . }}-operator
        {{- include "stack.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ include "stack.fullname" . }}-operator
      securityContext:
        runAsUser: 65534
        runAsGroup: 65534
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ .Chart.Name }}
          image: {{ .Values.prometheusOperator.image }}
          args:
            {{- with .Values.prometheusOperator.kubeletService }}
            {{- if .enabled }}
            - --kubelet-service={{ .namespace }}/{{ include "stack.fullname" $ }}-kubelet
            - --kubelet-endpoints=true
            - --kubelet-endpointslice=false
            {{- end }}
            {{- end }}
            - --localhost=127.0.0.1
            - --prometheus-config-reloader={{ .Values.prometheusOperator.prometheusConfigReloader.image }}
            - --config-reloader-cpu-request=0
            - --config-reloader-cpu-limit=0
            - --config-reloader-memory-request=0
            - --config-reloader-memory-limit=0
            - --disable-unmanaged-prometheus-configuration=true
          ports:
            - {name: http, containerPort: 8080}
          readinessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 2
          resources:
            {{- toYaml .Values.prometheusOperator.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
---
apiVersion: v1
kind: Service
metadata:
  {{- include "stack.metadata" (list . "operator") | nindent 2 }}
spec:
  ports:
    - {name: http, port: 8080, targetPort: http}
  selector:
    app: {{ include "stack.name" . }}-operator
    release: {{ .Release.Name | quote }}
{{- if .Values.prometheusOperator.serviceMonitor.selfMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "stack.metadata" (list . "operator") | nindent 2 }}
spec:
  endpoints:
    - port: http
      honorLabels: true
  selector:
    matchLabels:
      app: {{ include "stack.name" . }}-operator
      release: {{ .Release.Name | quote }}
  namespaceSelector:
    matchNames: [{{ .Release.Namespace }}]
{{- end }}
{{- end }}
