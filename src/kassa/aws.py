"""Reads secrets from AWS Secrets Manager, in a process of its own.

botocore takes 31 MB that a gateway has no use for after its start; they go with that process, and a look-up that hangs
can be ended.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

# More than AWS ever needs, and less than whoever waits for a start would grant.
TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 4.0
READ_TIMEOUT_S = 8.0
ATTEMPTS = 3

CREDENTIALS = "give the machine or task a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
# What to do about the answers of Secrets Manager; they come with a sentence of AWS's own.
MENDS = {
    "AccessDeniedException": "allow secretsmanager:GetSecretValue on it, and kms:Decrypt if its key is your own",
    "DecryptionFailure": "allow kms:Decrypt on its key",
    "ExpiredTokenException": CREDENTIALS,
    "InvalidSignatureException": CREDENTIALS,
    "UnrecognizedClientException": CREDENTIALS,
    "ResourceNotFoundException": "create it, or correct the name or AWS_DEFAULT_REGION",
}


class SecretsError(Exception):
    """A secret cannot be read; the message names it and says what to do, and never what it holds."""


def fetch(names: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """The texts of the secrets with these names or ARNs, in the same order.

    Region, credentials and endpoint are found by botocore, in `environ` or wherever else AWS has them found. Raises
    SecretsError, after 30 seconds at the latest.
    """
    command = [sys.executable, "-m", "kassa.aws", *names]
    try:
        done = subprocess.run(  # noqa: S603 - this module, with names as arguments
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SecretsError(f"{', '.join(names)}: no answer within {TIMEOUT_S:g} s") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SecretsError(said[-1] if said else f"reading ended with code {done.returncode}")
    texts: list[str] = json.loads(done.stdout)
    return texts


def main(names: Sequence[str]) -> int:
    """Print the secrets' texts as a JSON array; returns the exit code, 1 with a sentence when one cannot be read."""
    try:
        print(json.dumps([_text(name) for name in names]))
    except SecretsError as error:
        # AWS, or what stands in its way, may say more than a line.
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def _text(name: str) -> str:
    try:
        from botocore import exceptions
        from botocore.config import Config
        from botocore.session import Session
    except ImportError as error:
        raise SecretsError("needs a package that is not installed: pip install 'kassa[aws]'") from error
    # An ARN says where its secret is: arn:aws:secretsmanager:<region>:<account>:secret:<name>.
    region = name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 6 else None
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    try:
        client = Session().create_client("secretsmanager", region_name=region, config=config)
        found = client.get_secret_value(SecretId=name).get("SecretString")
    except exceptions.ClientError as error:
        answer = error.response["Error"]
        mend = MENDS.get(answer["Code"], "")
        said = f"{name}: AWS answers {answer['Code']}: {answer.get('Message', '')}"
        raise SecretsError(f"{said.rstrip(' .')}; {mend}" if mend else said) from error
    except exceptions.NoRegionError as error:
        raise SecretsError(f"{name}: no AWS region; set AWS_DEFAULT_REGION, or give the secret's whole ARN") from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise SecretsError(f"{name}: no AWS credentials; {CREDENTIALS}") from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise SecretsError(f"{name}: Secrets Manager is out of reach: {error}") from error
    except (exceptions.BotoCoreError, ValueError) as error:
        raise SecretsError(f"{name}: {error}") from error
    if found is None:
        raise SecretsError(f"{name}: holds binary data; it must be text")
    return str(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
