#!/usr/bin/env bash
# Makes zephyr-linux-x64.tar.xz: the program with its .NET runtime and without libtorch, for machines that have Python's PyTorch and nothing to build with.
#   scripts/package.sh [FOLDER]      where the archive goes; artifacts/ where none is given
# It needs the .NET SDK, and the runtime packs Microsoft.NETCore.App.Runtime.linux-x64 and Microsoft.AspNetCore.App.Runtime.linux-x64 from a NuGet feed.
# On the other machine: unpack it and run zephyr-linux-x64/zephyr. It takes the PyTorch of the python3 on the PATH, or the one that ZEPHYR_LIBTORCH names.
set -euo pipefail
root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
target=${1:-$root/artifacts}
name=zephyr-linux-x64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# In a folder of its own: the checkout's build is for the installed runtime.
log=$work/publish.log
if ! dotnet publish "$root/src/Zephyr.Cli" -c Release --artifacts-path "$work/build" -o "$work/$name/app" -v quiet -nologo \
  -p:SelfContained=true -p:Libtorch=none -p:DebugType=none >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
rm -f "$work/$name/app"/*.pdb "$work/$name/app"/*.xml "$work/$name/app/createdump"
for file in libtorch/libLibTorchSharp.so libcoreclr.so zephyr; do [ -s "$work/$name/app/$file" ] || { echo "package.sh: $file is missing" >&2; exit 1; }; done
[ ! -e "$work/$name/app/libtorch/libtorch_cpu.so" ] || { echo "package.sh: libtorch itself got in" >&2; exit 1; }

ln -s app/zephyr "$work/$name/zephyr"
cp -r "$root/configs" "$work/$name/configs"
cp "$root/scripts/gpu-check.sh" "$work/$name/"
cp -r "$root/tests/Zephyr.Tests/Golden/model" "$work/$name/golden"
cp "$root/README.md" "$work/$name/"

mkdir -p "$target"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" | xz -T0 -6 >"$target/$name.tar.xz.part"
mv "$target/$name.tar.xz.part" "$target/$name.tar.xz"
bytes=$(stat -c %s "$target/$name.tar.xz")
echo "$target/$name.tar.xz: $((bytes / 1000000)) MB packed, $(du -sm "$work/$name" | cut -f1) MB unpacked"
[ "$bytes" -lt 60000000 ] || { echo "package.sh: the archive is over 60 MB" >&2; exit 1; }
