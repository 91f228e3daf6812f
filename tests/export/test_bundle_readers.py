"""Bundles are read whole by the readers that people have, those that read a stream too."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.service import Service

JAVA = """
import java.io.*; import java.security.*; import java.util.*; import java.util.zip.*;
class Read { public static void main(String[] a) throws Exception {
  ZipInputStream in = new ZipInputStream(System.in); ZipEntry e;
  while ((e = in.getNextEntry()) != null) {
    MessageDigest d = MessageDigest.getInstance("SHA-256");
    byte[] b = new byte[8192]; int n; while ((n = in.read(b)) > 0) d.update(b, 0, n);
    System.out.println(HexFormat.of().formatHex(d.digest()) + " " + e.getName());
  } } }
"""
PERL = """
use IO::Uncompress::Unzip qw($UnzipError); use Digest::SHA qw(sha256_hex); binmode STDIN;
my $z = IO::Uncompress::Unzip->new(*STDIN) or die $UnzipError; my $s = 1;
while ($s > 0) {
  my ($all, $b) = (""); while (($s = $z->read($b)) > 0) { $all .= $b } die if $s < 0;
  print sha256_hex($all), " ", $z->getHeaderInfo()->{Name}, "\\n"; $s = $z->nextStream();
}
"""
SUMS = 'cd out && find . -type f | sed "s|^./||" | xargs sha256sum'
UNZIP = f"cat > in.zip; unzip -q in.zip -d out && {SUMS}"
TAR = f"mkdir out && bsdtar -xf - -C out && {SUMS}"
READERS = {
    "Java, a stream": ("java", ["java", "Read.java"]),
    "Perl, a stream": ("perl", ["perl", "read.pl"]),
    "libarchive, a stream": ("bsdtar", ["sh", "-c", TAR]),
    "Info-ZIP": ("unzip", ["sh", "-c", UNZIP]),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_bundle_is_read_whole(on_sqlite: Service, tmp_path: Path, reader: str) -> None:
    program, command = READERS[reader]
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here")
    service = on_sqlite.another()
    bundle = service.export(tmp_path / "bundle.zip")
    with zipfile.ZipFile(bundle) as archive:
        expected = {
            name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()
        }
        listed = json.loads(archive.read("manifest.json"))["files"]
    (tmp_path / "Read.java").write_text(JAVA)
    (tmp_path / "read.pl").write_text(PERL)

    with bundle.open("rb") as file:
        done = subprocess.run(
            command, stdin=file, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert done.returncode == 0, done.stderr
    pairs = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    found = {name: digest for digest, name in pairs}
    assert found == expected
    assert {file["path"]: file["sha256"] for file in listed}.items() <= found.items()
