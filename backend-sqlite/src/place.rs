//! Where the database lies, and whether leases can live there.

use std::{fs, io, path::Path};

use crate::{config::SqliteConfig, error::Failure};

/// Checks that the place is fit for a database, and creates its directory if that was asked for.
///
/// Called before SQLite sees the path, so that a refusal leaves nothing behind.
pub(crate) fn examine(config: &SqliteConfig) -> Result<(), Failure> {
    let path = config.path();
    let directory = directory_of(path);
    if config.creates_directory() {
        fs::create_dir_all(directory).map_err(|error| {
            Failure::fatal(format!(
                "the directory {} cannot be created: create it, or give a path in another one",
                directory.display()
            ))
            .caused_by(error)
        })?;
    }
    if !directory.is_dir() {
        return Err(Failure::fatal(format!(
            "there is no directory {}: create it, or mount the volume that has it",
            directory.display()
        )));
    }
    if let Some(name) = remote::file_system(directory) {
        return Err(Failure::fatal(format!(
            "{} lies on a network file system ({name}), where SQLite's locks do not hold: give a \
             path on a local disk, or use a store with a server",
            path.display()
        )));
    }
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => Err(Failure::fatal(format!(
            "{} is not a file: give the path of a file in that place, as in {}",
            path.display(),
            path.join("leases.db").display()
        ))),
        Ok(file) if has_other_names(&file) => Err(Failure::fatal(format!(
            "{} has a second name (a hard link), and processes that use different names would not \
             see each other's leases: remove one of the names",
            path.display()
        ))),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::fatal(format!(
            "{} cannot be looked at: give this user permission on its directory",
            path.display()
        ))
        .caused_by(error)),
    }
}

/// Whether the directory of the database is there at all.
pub(crate) fn has_directory(path: &Path) -> bool {
    directory_of(path).is_dir()
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Which file a path led to at one moment; another file under the same path has another identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl FileIdentity {
    /// The file the path leads to now, if any.
    ///
    /// Only asks; opening and closing the file here would drop the locks SQLite has on it, since
    /// POSIX locks belong to the process.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;

        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
        })
    }
}

#[cfg(unix)]
fn has_other_names(file: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) > 1
}

#[cfg(not(unix))]
impl FileIdentity {
    /// Elsewhere an open file can be neither deleted nor replaced.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        path.exists().then_some(Self {
            device: 0,
            inode: 0,
        })
    }
}

#[cfg(not(unix))]
fn has_other_names(_: &fs::Metadata) -> bool {
    false
}

/// File systems whose locks or shared memory other hosts do not see, where it can be told.
mod remote {
    use std::path::Path;

    /// The name of the network file system a directory lies on, or `None` if it is not on one.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn file_system(directory: &Path) -> Option<String> {
        let magic = rustix::fs::statfs(directory).ok()?.f_type;
        // The field is 32 bits wide on some architectures and 64 on others; the number is 32.
        let magic = u32::try_from(magic & 0xffff_ffff).ok()?;
        if magic != FUSE {
            return by_magic(magic).map(str::to_owned);
        }
        let device = rustix::fs::stat(directory).ok()?.st_dev;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        fuse_subtype(&mounts, &format!("{major}:{minor}")).filter(|kind| is_remote_fuse(kind))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn file_system(_: &Path) -> Option<String> {
        None
    }

    /// `FUSE_SUPER_MAGIC`, which virtiofs has as well.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    const FUSE: u32 = 0x6573_5546;

    /// The magic numbers of `statfs(2)` and of the kernel's `magic.h`.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    pub(super) fn by_magic(magic: u32) -> Option<&'static str> {
        Some(match magic {
            0x0000_6969 => "NFS",
            0x0000_517b => "SMB",
            0xff53_4d42 => "CIFS",
            0xfe53_4d42 => "SMB2",
            0x0102_1997 => "9p",
            0x5346_414f => "AFS",
            0x6b41_4653 => "kAFS",
            0x7375_7245 => "Coda",
            0x00c3_6400 => "Ceph",
            0x0bd0_0bd0 => "Lustre",
            0x0116_1970 => "GFS2",
            0x7461_636f => "OCFS2",
            0x4750_4653 => "GPFS",
            0x1983_0326 => "BeeGFS",
            0x786f_4256 => "VirtualBox shared folder",
            _ => return None,
        })
    }

    /// The file system type of the mount with this device number, from `/proc/self/mountinfo`.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    pub(super) fn fuse_subtype(mounts: &str, device: &str) -> Option<String> {
        mounts.lines().find_map(|line| {
            // id, parent, major:minor, root, mount point, options, optional fields, -, type, …
            let (left, right) = line.split_once(" - ")?;
            (left.split(' ').nth(2)? == device)
                .then(|| right.split(' ').next().map(str::to_owned))
                .flatten()
        })
    }

    /// Whether a FUSE file system keeps its files on another host.
    ///
    /// Some are local (an overlay, an encrypted or merged directory); those that are known to reach
    /// over a network, or out of a virtual machine, are named here.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    pub(super) fn is_remote_fuse(kind: &str) -> bool {
        const REMOTE: &[&str] = &[
            "afp",
            "blobfuse",
            "ceph",
            "curlftpfs",
            "davfs",
            "gcsfuse",
            "geesefs",
            "gluster",
            "goofys",
            "grpcfuse",
            "juicefs",
            "lizardfs",
            "mfs",
            "moosefs",
            "mountpoint-s3",
            "osxfs",
            "prl",
            "rclone",
            "s3",
            "seaweedfs",
            "smb",
            "sshfs",
            "virtiofs",
            "vmhgfs",
        ];
        let kind = kind.strip_prefix("fuse.").unwrap_or(kind);
        REMOTE.iter().any(|remote| kind.starts_with(remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_is_known_by_its_number() {
        assert_eq!(remote::by_magic(0x6969), Some("NFS"));
        assert_eq!(remote::by_magic(0xff53_4d42), Some("CIFS"));
        assert_eq!(remote::by_magic(0xef53), None, "ext4 is local");
        assert_eq!(remote::by_magic(0x0102_1994), None, "tmpfs is local");
        assert_eq!(remote::by_magic(0x794c_7630), None, "overlayfs is local");
    }

    #[test]
    fn a_fuse_file_system_is_known_by_its_subtype() {
        let mounts = "\
            22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
            40 22 0:35 / /mnt/far rw,nosuid shared:2 master:1 - fuse.sshfs host:/srv rw,user_id=0\n\
            41 22 0:36 / /mnt/near rw - fuse.fuse-overlayfs none rw\n\
            42 22 0:37 / /mnt/vm rw - virtiofs share rw\n";
        let kind = |device| remote::fuse_subtype(mounts, device);
        assert_eq!(kind("0:35").as_deref(), Some("fuse.sshfs"));
        assert_eq!(kind("0:99"), None);
        assert!(remote::is_remote_fuse("fuse.sshfs"));
        assert!(remote::is_remote_fuse("fuse.glusterfs"));
        assert!(remote::is_remote_fuse("virtiofs"));
        assert!(!remote::is_remote_fuse("fuse.fuse-overlayfs"));
        assert!(!remote::is_remote_fuse("fuseblk"));
    }

    #[cfg(unix)]
    #[test]
    fn another_file_under_the_same_path_is_another_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases.db");
        assert_eq!(FileIdentity::at(&path), None);
        let open = fs::File::create(&path).unwrap();
        let first = FileIdentity::at(&path);
        assert_eq!(FileIdentity::at(&path), first);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        // While the first file is open its inode number cannot be given away.
        assert_ne!(FileIdentity::at(&path), first);
        drop(open);
    }
}
