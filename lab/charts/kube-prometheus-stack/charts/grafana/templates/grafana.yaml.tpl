---
apiVersion: v1
kind: Secret
metadata:
  {{- include "grafana.metadata" (merge (dict "suffix" "") .) | nindent 2 }}
stringData:
  admin-user: {{ .Values.adminUser }}
  admin-password: {{ .Values.adminPassword }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "grafana.metadata" (merge (dict "suffix" "") .) | nindent 2 }}
spec:
  ports:
    - {name: http-web, port: 80, targetPort: 3000}
  selector:
    {{- include "grafana.selector" . | nindent 4 }}
