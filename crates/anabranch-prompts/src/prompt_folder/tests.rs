use super::*;

/// A folder of its own for each test, gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anabranch-prompts-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("prompts/inner")).unwrap();
        fs::write(path.join("outside.txt"), "secret").unwrap();
        fs::write(path.join("prompts/a.txt"), "Hello {name}\n").unwrap();
        fs::write(path.join("prompts/inner/b.txt"), "b").unwrap();
        Self(path)
    }

    fn prompts(&self) -> PromptFolder {
        PromptFolder::open(self.0.join("prompts")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_in_the_folder_is_read() {
    let folder = Folder::new("in");
    let prompts = folder.prompts();
    assert_eq!(prompts.read("a.txt").unwrap(), "Hello {name}\n");
    assert_eq!(prompts.read("./inner/b.txt").unwrap(), "b");
    assert_eq!(prompts.prompt("a.txt").unwrap().variables(), ["name"]);
}

#[test]
fn nothing_outside_of_it_is() {
    let folder = Folder::new("out");
    let prompts = folder.prompts();
    let absolute = folder.0.join("prompts/a.txt");
    for path in
        ["../outside.txt", "inner/../../outside.txt", "inner/../a.txt", "", absolute.to_str().unwrap(), "/etc/passwd"]
    {
        let error = prompts.read(path).unwrap_err();
        assert!(error.message().contains("leads out of its folder"), "{path}: {error}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let base = folder.0.join("prompts");
        symlink("../outside.txt", base.join("link.txt")).unwrap();
        symlink("..", base.join("up")).unwrap();
        symlink("a.txt", base.join("alias.txt")).unwrap();
        for path in ["link.txt", "up/outside.txt"] {
            let error = prompts.read(path).unwrap_err();
            assert!(error.message().contains("leads out of its folder"), "{path}: {error}");
        }
        // A link that stays inside leads nowhere else.
        assert_eq!(prompts.read("alias.txt").unwrap(), "Hello {name}\n");
        // The folder itself may be a link: it was chosen.
        symlink("prompts", folder.0.join("linked")).unwrap();
        assert!(PromptFolder::open(folder.0.join("linked")).unwrap().read("a.txt").is_ok());
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let folder = Folder::new("bad");
    let base = folder.0.join("prompts");
    fs::write(base.join("latin.txt"), [b'a', 0xe9]).unwrap();
    fs::write(base.join("bad.txt"), "{\"secret\": 1}").unwrap();
    fs::File::create(base.join("huge.txt")).unwrap().set_len(MOST + 1).unwrap();
    let prompts = folder.prompts();
    for (path, says) in [
        ("none.txt", "a prompt cannot be read: entity not found"),
        ("inner", "is no file"),
        ("latin.txt", "not UTF-8 at byte 1"),
        ("huge.txt", "16777217 bytes"),
        ("bad.txt", "a quote in the name of a variable at line 1 column 2"),
    ] {
        let error = prompts.prompt(path).unwrap_err();
        assert!(error.message().contains(says), "{path}: {error}");
        assert!(!error.to_string().contains("secret"));
    }
    assert!(prompts.prompt("bad.txt").unwrap_err().to_string().starts_with("bad.txt: "));
    assert_eq!(PromptFolder::open(folder.0.join("none")).unwrap_err().kind(), ErrorKind::Configuration);
    assert!(PromptFolder::open(folder.0.join("outside.txt")).unwrap_err().message().contains("is a file"));
}

/// Whatever leads out is refused, however it is written.
#[cfg(unix)]
#[test]
fn no_way_leads_out() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let folder = Folder::new("ways");
    let base = folder.0.join("prompts");
    fs::create_dir_all(folder.0.join("prompts-too")).unwrap();
    fs::write(folder.0.join("prompts-too/a.txt"), "secret").unwrap();
    symlink(folder.0.join("outside.txt"), base.join("absolute")).unwrap();
    symlink("../prompts-too", base.join("sibling")).unwrap();
    symlink("/", base.join("root")).unwrap();
    symlink("up2", base.join("up1")).unwrap();
    symlink("inner/../..", base.join("up2")).unwrap();
    symlink("loop", base.join("loop")).unwrap();
    let prompts = folder.prompts();
    let mut ways: Vec<Vec<u8>> = [
        "..",
        "../",
        "./..",
        "./../outside.txt",
        "inner/../../outside.txt",
        "inner//..//..//outside.txt",
        "a.txt/../../outside.txt",
        "../prompts-too/a.txt",
        "absolute",
        "sibling/a.txt",
        "root/etc/passwd",
        "up1/outside.txt",
        "up2/outside.txt",
        "loop",
        "/",
        "//",
        "/etc/passwd",
        "/proc/self/environ",
        ".",
        "./",
        "inner",
        "inner/",
        "~/x",
        "%2e%2e/outside.txt",
        "..\\outside.txt",
        "C:\\outside.txt",
        "\\\\?\\C:\\x",
        "..%2foutside.txt",
        "a.txt/",
        "a.txt/.",
        "...",
        ".../outside.txt",
    ]
    .map(|way| way.as_bytes().to_vec())
    .to_vec();
    ways.push(b"a.txt\0".to_vec());
    ways.push(b"../outside.txt\0.txt".to_vec());
    ways.push(vec![b'x'; 100_000]);
    ways.push(b"a/".repeat(100_000));
    ways.push(vec![0xff, b'/', 0xfe]);
    for way in ways {
        let path = Path::new(OsStr::from_bytes(&way));
        match prompts.read(path) {
            // A slash or a point behind a file is no part of its name.
            Ok(text) => assert!(text == "Hello {name}\n" && path.ends_with("a.txt"), "{path:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Configuration, "{path:?}");
                assert!(!format!("{error} {error:?}").contains("secret"), "{path:?}: {error:?}");
            }
        }
    }
}

/// A pipe would wait for ever, a device has no end.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let folder = Folder::new("pipe");
    let base = folder.0.join("prompts");
    let made = std::process::Command::new("mkfifo").arg(base.join("pipe.txt")).status();
    assert!(made.is_ok_and(|status| status.success()), "no mkfifo");
    let _socket = UnixListener::bind(base.join("socket.txt")).unwrap();
    symlink("/dev/zero", base.join("zero.txt")).unwrap();
    let prompts = folder.prompts();
    for (path, says) in [("pipe.txt", "is no file"), ("socket.txt", "is no file"), ("zero.txt", "leads out")] {
        let error = prompts.prompt(path).unwrap_err();
        assert!(error.message().contains(says), "{path}: {error}");
    }
}

/// Somebody changes a link again and again, while the file is read again and again.
#[cfg(unix)]
#[test]
fn a_link_that_is_changed_meanwhile_leads_nowhere_else() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    let folder = Folder::new("swap");
    let base = folder.0.join("prompts");
    fs::create_dir_all(folder.0.join("elsewhere")).unwrap();
    fs::write(folder.0.join("elsewhere/b.txt"), "secret").unwrap();
    let prompts = folder.prompts();
    // What was opened while the way led elsewhere is not read when it leads back.
    let opened = fs::File::open(folder.0.join("elsewhere/b.txt")).unwrap();
    let path = Path::new("inner/b.txt");
    let error = prompts.read_opened(path, &prompts.inside(path).unwrap(), opened).unwrap_err();
    assert!(error.message().contains("leads out of its folder"), "{error}");
    // And by chance.
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0_u32;
            while !done.load(Ordering::Relaxed) {
                // The folder on the way, in turns a real one and a link to the other.
                let moved = base.join("moved");
                fs::rename(base.join("inner"), &moved).unwrap();
                symlink("../elsewhere", base.join("inner")).unwrap();
                fs::remove_file(base.join("inner")).unwrap();
                fs::rename(&moved, base.join("inner")).unwrap();
                round += 1;
            }
            assert!(round > 0);
        });
        let mut read = 0;
        let end = std::time::Instant::now() + std::time::Duration::from_millis(300);
        while std::time::Instant::now() < end {
            if let Ok(text) = prompts.read("inner/b.txt") {
                if text != "b" {
                    done.store(true, Ordering::Relaxed);
                }
                assert_eq!(text, "b", "after {read} times");
                read += 1;
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(read > 0);
    });
}

#[test]
fn names_in_errors_are_tame() {
    let folder = Folder::new("names");
    let name = format!("{}\u{202e}\u{1b}[31m.txt", "n".repeat(150));
    fs::write(folder.0.join("prompts").join(&name), "{").unwrap();
    let error = folder.prompts().prompt(&name).unwrap_err().to_string();
    assert!(!error.contains(['\u{202e}', '\u{1b}']) && error.len() < 500, "{error:?}");
}
