"""Renders helm/sightline with the real helm and checks what comes out, without a cluster.

Run by ctest with the interpreter of build/test-tools/venv, which has yaml and kubernetes_validate.
"""
import os
import pathlib
import subprocess
import sys
import unittest

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "sightline"
HELM = os.environ.get("SIGHTLINE_HELM", str(ROOT / "build" / "test-tools" / "helm"))
KUBE_VERSIONS = ["1.27.0", "1.31.0", "1.36.0"]
CUSTOM_KINDS = {"ServiceMonitor", "HTTPRoute"}  # of other projects: no schema in Kubernetes itself


def render(*sets, version="1.31.0", check=True):
    command = [HELM, "template", "t", str(CHART), "--kube-version", version]
    for value in sets:
        command += ["--set", value]
    done = subprocess.run(command, capture_output=True, text=True)
    if not check:
        return done
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [doc for doc in yaml.safe_load_all(done.stdout) if doc]


def of_kind(docs, kind):
    return [doc for doc in docs if doc["kind"] == kind]


def pods(docs):
    for doc in docs:
        if doc["kind"] == "Pod":
            yield doc["metadata"]["name"], doc["spec"]
        elif doc["kind"] in ("Deployment", "StatefulSet"):
            yield doc["metadata"]["name"], doc["spec"]["template"]["spec"]


EVERYTHING_ON = [
    "ingress.enabled=true", "ingress.className=nginx", "ingress.tlsSecretName=tls",
    "httpRoute.enabled=true", "httpRoute.parentRefs[0].name=gw", "httpRoute.hostnames[0]=a.example",
    "gateway.autoscaling.enabled=true", "metrics.serviceMonitor.enabled=true",
    "server.model.existingClaim=models", "server.model.path=/models/2b",
    "server.persistence.existingClaim=corpus", "server.runtimeClassName=nvidia",
    "server.config.ingest.workers=4", "serviceAccount.name=sight",
    "server.config.ingest.remote_workers=true", "worker.replicas=3",
]
EVERYTHING_OFF = [
    "networkPolicy.enabled=false", "gateway.pdb.enabled=false", "serviceAccount.create=false",
]


class ChartTest(unittest.TestCase):
    def test_lint_finds_nothing(self):
        done = subprocess.run([HELM, "lint", "--strict", str(CHART)],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_document_fits_the_schema_of_each_kubernetes_version(self):
        for version in KUBE_VERSIONS:
            for sets in ([], EVERYTHING_ON, EVERYTHING_OFF):
                for doc in render(*sets, version=version):
                    if doc["kind"] in CUSTOM_KINDS:
                        continue
                    with self.subTest(version=version, kind=doc["kind"], sets=bool(sets)):
                        kubernetes_validate.validate(doc, version, strict=True)

    def test_validation_itself_finds_a_misspelt_field(self):
        doc = of_kind(render(), "Deployment")[0]
        container = doc["spec"]["template"]["spec"]["containers"][0]
        container["livenesProbe"] = container.pop("livenessProbe")
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(doc, "1.31.0", strict=True)

    def test_wrong_values_are_refused_by_the_schema(self):
        for wrong in ["image.tag=latest", "gateway.replicaCount=0", "service.port=70000",
                      "image.digest=abc", "serverr.foo=1", "server.persistence.size=many"]:
            with self.subTest(wrong):
                self.assertNotEqual(render(wrong, check=False).returncode, 0)

    def test_every_pod_is_restricted(self):
        for name, spec in pods(render(*EVERYTHING_ON)):
            with self.subTest(name):
                self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                self.assertEqual(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault")
                self.assertIs(spec["automountServiceAccountToken"], False)
                for container in spec["containers"]:
                    context = container["securityContext"]
                    self.assertIs(context["allowPrivilegeEscalation"], False)
                    self.assertIs(context["readOnlyRootFilesystem"], True)
                    self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                    self.assertIn("memory", container["resources"]["limits"])
                    self.assertNotRegex(container["image"], r":latest$")

    def test_long_running_containers_have_three_probes_on_a_port_they_have(self):
        for kind in ("Deployment", "StatefulSet"):
            for doc in of_kind(render(), kind):
                for container in doc["spec"]["template"]["spec"]["containers"]:
                    ports = {port["name"] for port in container["ports"]}
                    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                        self.assertIn(container[probe]["httpGet"]["port"], ports)

    def test_selectors_find_their_pods_and_services_their_ports(self):
        docs = render()
        templates = [doc["spec"]["template"] for kind in ("Deployment", "StatefulSet")
                     for doc in of_kind(docs, kind)]
        for kind in ("Deployment", "StatefulSet"):
            for doc in of_kind(docs, kind):
                labels = doc["spec"]["template"]["metadata"]["labels"]
                self.assertLessEqual(doc["spec"]["selector"]["matchLabels"].items(), labels.items())
        for service in of_kind(docs, "Service"):
            found = [t for t in templates
                     if service["spec"]["selector"].items() <= t["metadata"]["labels"].items()]
            self.assertEqual(len(found), 1, service["metadata"]["name"])
            ports = {p["name"] for c in found[0]["spec"]["containers"] for p in c["ports"]}
            for port in service["spec"]["ports"]:
                self.assertIn(port["targetPort"], ports)

    def test_names_that_documents_refer_to_exist(self):
        docs = render()
        maps = {doc["metadata"]["name"] for doc in of_kind(docs, "ConfigMap")}
        accounts = {doc["metadata"]["name"] for doc in of_kind(docs, "ServiceAccount")}
        services = {doc["metadata"]["name"] for doc in of_kind(docs, "Service")}
        for _, spec in pods(docs):
            for volume in spec.get("volumes", []):
                if "configMap" in volume:
                    self.assertIn(volume["configMap"]["name"], maps)
            if "serviceAccountName" in spec:
                self.assertIn(spec["serviceAccountName"], accounts)
        gateway = of_kind(docs, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
        server = [arg for arg in gateway["args"] if arg.startswith("--server=")][0]
        self.assertIn(server.removeprefix("--server=").split(":")[0], services)
        self.assertIn(of_kind(docs, "StatefulSet")[0]["spec"]["serviceName"], services)

    def test_the_corpus_has_one_owner_and_a_volume(self):
        server = of_kind(render(), "StatefulSet")[0]
        self.assertEqual(server["spec"]["replicas"], 1)
        self.assertEqual(server["spec"]["volumeClaimTemplates"][0]["metadata"]["name"], "data")
        mounts = server["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        self.assertIn("/data", [mount["mountPath"] for mount in mounts])

    def test_configuration_reaches_the_server_and_a_change_restarts_it(self):
        one = render("server.config.ingest.workers=3")
        two = render("server.config.ingest.workers=4")
        text = of_kind(one, "ConfigMap")[0]["data"]["sightline.yaml"]
        self.assertEqual(yaml.safe_load(text), {"ingest": {"workers": 3}})
        checksum = [of_kind(docs, "StatefulSet")[0]["spec"]["template"]["metadata"]["annotations"]
                    ["checksum/config"] for docs in (one, two)]
        self.assertNotEqual(checksum[0], checksum[1])

    def test_workers_reach_the_server_alone_and_are_there_only_when_asked_for(self):
        self.assertEqual(len(of_kind(render(), "Deployment")), 1)
        wrong = render("worker.replicas=1", check=False)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("remote_workers is not true", wrong.stderr)
        docs = render(*EVERYTHING_ON)
        worker = [doc for doc in of_kind(docs, "Deployment") if doc["metadata"]["name"].endswith("-worker")][0]
        self.assertEqual(worker["spec"]["replicas"], 3)
        labels = worker["spec"]["template"]["metadata"]["labels"]
        self.assertLessEqual(worker["spec"]["selector"]["matchLabels"].items(), labels.items())
        container = worker["spec"]["template"]["spec"]["containers"][0]
        self.assertIn("--model=/models/2b", container["args"])
        server = [arg for arg in container["args"] if arg.startswith("--server=")][0]
        self.assertIn(server.removeprefix("--server=").split(":")[0],
                      {doc["metadata"]["name"] for doc in of_kind(docs, "Service")})
        policy = [doc for doc in of_kind(docs, "NetworkPolicy") if doc["metadata"]["name"].endswith("-worker")][0]
        self.assertEqual(policy["spec"]["ingress"], [])
        self.assertLessEqual(policy["spec"]["podSelector"]["matchLabels"].items(), labels.items())
        self.assertEqual(policy["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]
                         ["app.kubernetes.io/component"], "server")

    def test_network_policies_deny_what_they_do_not_name(self):
        policies = of_kind(render(), "NetworkPolicy")
        self.assertEqual(len(policies), 2)
        for policy in policies:
            self.assertEqual(sorted(policy["spec"]["policyTypes"]), ["Egress", "Ingress"])
        server = [p for p in policies if p["metadata"]["name"].endswith("-server")][0]
        self.assertEqual(server["spec"]["egress"], [])
        opened = [p for p in of_kind(render("networkPolicy.serverEgress[0].ports[0].port=443"), "NetworkPolicy")
                  if p["metadata"]["name"].endswith("-server")][0]
        self.assertEqual(opened["spec"]["egress"], [{"ports": [{"port": 443}]}])

    def test_the_programs_understand_the_arguments_the_chart_gives(self):
        binary = os.environ.get("SIGHTLINE_BIN")
        if not binary:
            self.skipTest("SIGHTLINE_BIN names no build")
        for name, spec in pods(render("worker.replicas=1", "server.config.ingest.remote_workers=true")):
            for container in spec["containers"]:
                arguments = [a for a in container["args"] if not a.startswith("--config=")]
                with self.subTest(name):
                    done = subprocess.run([f"{binary}/sightline", *arguments, "--help"],
                                          capture_output=True, text=True, timeout=30)
                    self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
