#!/bin/sh
# Runs once in the copy of a web host of which an image is made: removes what belongs to that one host. The secrets of the applications stay.
# cloud-init gives whoever starts from the image host keys and a name of his own.
set -eu

live=$(for release in /srv/*/live/release; do
    [ -e "$release" ] || continue
    name=${release#/srv/}
    printf '%s=%s ' "${name%%/*}" "$(basename "$(readlink -f "$release")")"
done)

# What runs on one host of the site alone runs there, and not on hosts that nobody configures; nor are they backed up.
follows=
if [ -f /etc/release-follow/once ]; then
    follows=' follows'
    for unit in $(cat /etc/release-follow/once) restic-backup.timer restic-prune.timer; do
        systemctl disable --quiet "$unit" 2>/dev/null || true
    done
fi

# Another host with these keys could pass for the first one.
rm -f /etc/ssh/ssh_host_*
# Empty, and not missing: systemd makes a new one, and does not take the start for that of an empty machine.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
# Uploads and data of applications that keep them on the host: on its own disk, and never on a file system that other hosts mount, too.
own=$(stat -c %d /)
for directory in /srv/*/shared/media /srv/*/shared/data; do
    if [ -d "$directory" ] && [ ! -L "$directory" ] && [ "$(stat -c %d "$directory")" = "$own" ]; then
        find "$directory" -xdev -mindepth 1 -delete
    fi
done
rm -rf /root/.bash_history /home/*/.bash_history /root/.ansible /home/*/.ansible
find /tmp /var/tmp -xdev -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' -exec rm -rf {} +
# Visitors' addresses are in them.
journalctl --quiet --rotate --vacuum-time=1s
find /var/log -xdev -type f ! -path '/var/log/journal/*' -exec truncate --no-create --size=0 {} +
sync
echo "image-sealed ${live:-nothing}$follows"
