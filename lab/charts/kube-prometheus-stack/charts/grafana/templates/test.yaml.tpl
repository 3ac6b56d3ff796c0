{{- if .Values.testFramework.enabled }}
---
apiVersion: v1
kind: Pod
metadata:
  {{- include "grafana.metadata" (merge (dict "suffix" "-test") .) | nindent 2 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: {{ .Release.Name }}-test
      image: {{ .Values.testFramework.image }}
      command: [busybox, timeout, "5", busybox, wget, -q, -O, /dev/null, "http://{{ .Release.Name }}-grafana/login"]
{{- end }}
