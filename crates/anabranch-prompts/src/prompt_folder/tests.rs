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
