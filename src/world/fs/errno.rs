//! Error numbers of Linux (errno(3)) and the texts that glibc's strerror(3) gives them.

macro_rules! errnos {
    ($($name:ident $number:literal $text:literal)*) => {
        /// Why a call failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of errno(3)")]
        pub enum Errno { $($name),* }

        impl Errno {
            /// The text that C programs print for it.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Its number on Linux.
            pub fn number(self) -> i32 {
                match self { $(Self::$name => $number),* }
            }
        }
    };
}

errnos! {
    EPERM 1 "Operation not permitted"
    ENOENT 2 "No such file or directory"
    ESRCH 3 "No such process"
    EINTR 4 "Interrupted system call"
    EIO 5 "Input/output error"
    ENXIO 6 "No such device or address"
    E2BIG 7 "Argument list too long"
    ENOEXEC 8 "Exec format error"
    EBADF 9 "Bad file descriptor"
    ECHILD 10 "No child processes"
    EAGAIN 11 "Resource temporarily unavailable"
    ENOMEM 12 "Cannot allocate memory"
    EACCES 13 "Permission denied"
    EBUSY 16 "Device or resource busy"
    EEXIST 17 "File exists"
    EXDEV 18 "Invalid cross-device link"
    ENODEV 19 "No such device"
    ENOTDIR 20 "Not a directory"
    EISDIR 21 "Is a directory"
    EINVAL 22 "Invalid argument"
    EMFILE 24 "Too many open files"
    ENOTTY 25 "Inappropriate ioctl for device"
    ETXTBSY 26 "Text file busy"
    EFBIG 27 "File too large"
    ENOSPC 28 "No space left on device"
    ESPIPE 29 "Illegal seek"
    EROFS 30 "Read-only file system"
    EMLINK 31 "Too many links"
    EPIPE 32 "Broken pipe"
    ENAMETOOLONG 36 "File name too long"
    ENOTEMPTY 39 "Directory not empty"
    ELOOP 40 "Too many levels of symbolic links"
    EOPNOTSUPP 95 "Operation not supported"
    EDQUOT 122 "Disk quota exceeded"
}
