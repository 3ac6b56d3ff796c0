---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "node-exporter.metadata" . | nindent 2 }}
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  {{- include "node-exporter.metadata" . | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "node-exporter.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "node-exporter.labels" . | nindent 8 }}
    spec:
      serviceAccountName: {{ .Release.Name }}-prometheus-node-exporter
      automountServiceAccountToken: false
      hostNetwork: true
      hostPID: true
      tolerations:
        - {operator: Exists, effect: NoSchedule}
      securityContext:
        runAsUser: 65534
        runAsGroup: 65534
        runAsNonRoot: true
      containers:
        - name: node-exporter
          image: {{ .Values.image }}
          args:
            - --path.procfs=/host/proc
            - --path.sysfs=/host/sys
            - --path.rootfs=/host/root
            - --path.udev.data=/host/root/run/udev/data
            - --web.listen-address=:{{ .Values.service.port }}
            {{- range .Values.extraArgs }}
            - {{ . }}
            {{- end }}
          ports:
            - {name: http-metrics, containerPort: {{ .Values.service.port }}}
          readinessProbe:
            httpGet: {path: /, port: http-metrics}
            periodSeconds: 2
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          securityContext:
            readOnlyRootFilesystem: true
          volumeMounts:
            - {name: proc, mountPath: /host/proc, readOnly: true}
            - {name: sys, mountPath: /host/sys, readOnly: true}
            - {name: root, mountPath: /host/root, mountPropagation: HostToContainer, readOnly: true}
      volumes:
        - {name: proc, hostPath: {path: /proc}}
        - {name: sys, hostPath: {path: /sys}}
        - {name: root, hostPath: {path: /}}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "node-exporter.metadata" . | nindent 2 }}
spec:
  ports:
    - {name: http-metrics, port: {{ .Values.service.port }}, targetPort: http-metrics}
  selector:
    {{- include "node-exporter.selector" . | nindent 4 }}
{{- if .Values.prometheus.monitor.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "node-exporter.metadata" . | nindent 2 }}
spec:
  jobLabel: jobLabel
  endpoints:
    - port: http-metrics
  selector:
    matchLabels:
      {{- include "node-exporter.selector" . | nindent 6 }}
{{- end }}
