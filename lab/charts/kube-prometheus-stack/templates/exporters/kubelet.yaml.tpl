{{- if .Values.kubelet.enabled }}
{{- $monitor := .Values.kubelet.serviceMonitor }}
{{- $paths := dict "/metrics" $monitor.metricRelabelings }}
{{- if $monitor.cAdvisor }}{{ $_ := set $paths "/metrics/cadvisor" $monitor.cAdvisorMetricRelabelings }}{{ end }}
{{- if $monitor.probes }}{{ $_ := set $paths "/metrics/probes" list }}{{ end }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "stack.metadata" (list . "kubelet") | nindent 2 }}
spec:
  jobLabel: k8s-app
  attachMetadata:
    node: false
  endpoints:
    {{- range $path, $relabelings := $paths }}
    - port: https-metrics
      scheme: https
      path: {{ $path }}
      honorLabels: true
      honorTimestamps: true
      bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
      tlsConfig:
        caFile: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
        insecureSkipVerify: true
      relabelings:
        - action: replace
          sourceLabels: [__metrics_path__]
          targetLabel: metrics_path
      {{- with $relabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  selector:
    matchLabels:
      app.kubernetes.io/name: kubelet
      k8s-app: kubelet
  namespaceSelector:
    matchNames: [{{ .Values.prometheusOperator.kubeletService.namespace }}]
{{- end }}
